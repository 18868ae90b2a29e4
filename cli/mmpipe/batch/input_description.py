"""Describes the input and the settings of a run for the sidecar of its journal."""

import os
import time
from dataclasses import asdict

from mmpipe.batch.journal.sidecar import Sidecar, hash_settings, read_fingerprint
from mmpipe.batch.options import BatchOptions
from mmpipe.batch.records.requests import RequestDefaults
from mmpipe.batch.results import LineForm
from mmpipe.core.effort import effort_fields
from mmpipe.text.encodings import UTF_8


def describe_input(options: BatchOptions, defaults: RequestDefaults, salt: str) -> Sidecar:
    """The sidecar of a run with these options, without the number of records."""
    inputs = (read_fingerprint(path, salt) for path in options.records.files)
    return Sidecar(
        salt=salt,
        inputs=tuple(found for found in inputs if found is not None),
        settings=hash_settings(_settings(options, defaults), salt),
        pid=os.getpid(),
        started=time.time(),
        records=None,
        shard=None if options.selection.shard is None else str(options.selection.shard),
    )


def _settings(options: BatchOptions, defaults: RequestDefaults) -> dict[str, object]:
    """The settings on which requests and result lines depend, by the names of their options where they have one."""
    form, fields = asdict(LineForm.of(options)), asdict(defaults)
    # A field of the defaults too.
    del form["id_field"]
    parameters = fields.pop("parameters")
    # Left out where they are not used, as in the sidecars of earlier versions.
    codec = options.encoding.codec
    further = {
        "--set": sorted(fields.pop("fixed")),
        "id_field": fields.pop("id_field"),
        "effort": fields.pop("effort"),
        "encoding": None if codec == UTF_8 else codec,
    }
    settings = {
        "thinking": form.pop("with_thinking"),
        **form,
        "schema": fields.pop("instruction"),
        "wire": fields.pop("streamed"),
        "input_format": options.records.input_format,
        "null": options.records.null,
        **fields,
        **{name: value for name, value in further.items() if value},
    }
    # --effort decides about its fields, and is named itself.
    by_effort = {} if defaults.effort is None else effort_fields(defaults.effort, defaults.model)
    return settings | {
        (f"the field {name}" if name in settings else name): value
        for name, value in parameters.items()
        if by_effort.get(name) != value
    }
