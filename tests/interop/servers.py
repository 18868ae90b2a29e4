"""Third-party servers, each started in front of `mmpipe sim` or with a model of its own: generators of their targets."""

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from checks import Target
from processes import (
    Unavailable,
    find_free_port,
    find_program,
    make_environment,
    make_node_modules,
    simulator,
    started,
)

SIM_MODEL = "MiniMax-M3"


def echo(text: str) -> str:
    """The order to the simulator to answer with this text."""
    return f"sim:echo {text}"


@contextmanager
def plain_simulator(folder: Path) -> Iterator[Target]:
    with simulator(folder) as port:
        yield Target(base_url=f"http://127.0.0.1:{port}/v1", model=SIM_MODEL, order=echo)


@contextmanager
def litellm_proxy(folder: Path, faults: Sequence[str]) -> Iterator[Sequence[Target]]:
    """The litellm proxy before one simulator for each fault; an empty one stands for none. Yields a target for each."""
    programs = make_environment(folder / "litellm", "litellm[proxy]")
    port = find_free_port()
    with ExitStack() as behind:
        routes = [
            {
                "model_name": f"mini-{number}",
                "litellm_params": {
                    "model": f"openai/{SIM_MODEL}",
                    "api_base": f"http://127.0.0.1:{behind.enter_context(simulator(folder, *options))}/v1",
                    "api_key": "sk-test-0000",
                },
            }
            for number, fault in enumerate(faults)
            for options in [("--fail", fault) if fault else ()]
        ]
        # Retries of its own would hide what mmpipe is to be tested with.
        settings = {"num_retries": 0, "telemetry": False, "request_timeout": 60}
        config = folder / "litellm.yaml"
        config.write_text(json.dumps({"model_list": routes, "litellm_settings": settings}))
        command = (programs / "litellm", "--config", config, "--host", "127.0.0.1", "--port", str(port))
        offline = {
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true",
        }
        with started(command, port, folder / "litellm.log", offline):
            url = f"http://127.0.0.1:{port}/v1"
            yield [Target(base_url=url, model=str(route["model_name"]), order=echo) for route in routes]


NGINX = """
daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx-error.log; worker_processes 1;
events {{ worker_connections 256; }}
http {{
  access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  gzip on; gzip_types *; gzip_min_length 1; gzip_proxied any; gunzip off;
  server {{
    listen 127.0.0.1:{port};
    # The client asks for no compression; this hop does, and passes on what it gets.
    location /v1/ {{
      proxy_pass http://127.0.0.1:{port}/inner/; proxy_http_version 1.1;
      proxy_set_header Accept-Encoding gzip; proxy_buffering {buffering};
    }}
    location /inner/ {{
      proxy_pass http://127.0.0.1:{behind}/v1/; proxy_set_header Accept-Encoding ""; proxy_buffering {buffering};
    }}
    location /dead/ {{ proxy_pass http://127.0.0.1:{nobody}; }}
    location /small/ {{ client_max_body_size 10; proxy_pass http://127.0.0.1:{behind}; }}
    location /away/ {{ return 302 http://127.0.0.1:{behind}/v1/; }}
    location /locked/ {{ deny all; }}
  }}
}}
"""


@contextmanager
def nginx(folder: Path, buffering: str = "on") -> Iterator[Target]:
    """Nginx with gzip, buffering and its own error pages, before the simulator."""
    program = find_program("nginx")
    port = find_free_port()
    with simulator(folder) as behind:
        values = {
            "folder": folder,
            "port": port,
            "behind": behind,
            "nobody": find_free_port(),
            "buffering": buffering,
        }
        config = folder / "nginx.conf"
        config.write_text(NGINX.format(**values))
        with started((program, "-p", folder, "-c", config), port, folder / "nginx.log"):
            yield Target(base_url=f"http://127.0.0.1:{port}/v1", model=SIM_MODEL, order=echo)


@contextmanager
def mitmproxy(folder: Path, mode: str) -> Iterator[Target]:
    """Mitmproxy as the proxy of the environment; it sends what is for MiniMax's host to the simulator."""
    programs = make_environment(folder / "mitmproxy", "mitmproxy")
    port = find_free_port()
    own, scheme = {"http": ("regular", "http"), "socks": ("socks5", "socks5h")}[mode]
    with simulator(folder) as behind:
        rewrite = f"|https://api.minimaxi.com/|http://127.0.0.1:{behind}/"
        command = (
            programs / "mitmdump", "--mode", own, "--listen-host", "127.0.0.1", "--listen-port", str(port),
            "--set", f"confdir={folder / 'mitm'}", "--map-remote", rewrite, "--set", "connection_strategy=lazy", "-q",
        )  # fmt: skip
        with started(command, port, folder / "mitmproxy.log"):
            yield Target(
                base_url="https://api.minimaxi.com/v1",
                model=SIM_MODEL,
                order=echo,
                options=("--ca-file", str(folder / "mitm" / "mitmproxy-ca-cert.pem")),
                env={"https_proxy": f"{scheme}://127.0.0.1:{port}"},
            )


@contextmanager
def aimock(folder: Path) -> Iterator[Target]:
    """The mock of CopilotKit, which answers from a file of fixtures."""
    programs = make_node_modules(folder / "aimock", "@copilotkit/aimock")
    port = find_free_port()
    fixtures = folder / "fixtures.json"
    fixtures.write_text(json.dumps({"fixtures": [{"match": {}, "response": {"content": "five and six"}}]}))
    program = next((path for name in ("llmock", "aimock") if (path := programs / name).exists()), None)
    if program is None:
        raise Unavailable("the package has no program")
    command = (program, "--port", str(port), "--host", "127.0.0.1", "--fixtures", fixtures)
    with started(command, port, folder / "aimock.log"):
        yield Target(base_url=f"http://127.0.0.1:{port}/v1", model="gpt-4", calls_tools=False)


NOISE = ("--native-thinking", "--max-tokens", "8", "-p", "ignore_eos=true")


@contextmanager
def llama_cpp(folder: Path) -> Iterator[Target]:
    """The server of llama.cpp with a tiny model of random weights: its answers are noise, cut off at their limit.

    Noise may also end at once, as an empty answer; `ignore_eos` forbids that.
    """
    programs = make_environment(folder / "llama", "xllamacpp", "gguf", "numpy")
    here, port = Path(__file__).parent, find_free_port()
    command = (programs / "python", here / "inside" / "llama_server.py", str(folder / "tiny.gguf"), str(port))
    with started(command, port, folder / "llama.log"):
        yield Target(
            base_url=f"http://127.0.0.1:{port}/v1",
            model="tiny",
            options=(*NOISE, "--allow-truncated"),
            calls_tools=False,
        )
