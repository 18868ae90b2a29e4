"""The sidecar of a journal holds the settings on which its requests and lines depend."""

from dataclasses import replace

from mmpipe.batch.input_description import describe_input
from mmpipe.batch.journal.sidecar import Sidecar, changed_settings
from mmpipe.batch.records.requests import RequestDefaults
from mmpipe.config.options import Encoding, EncodingOptions
from support.batch_in_process import batch_options

PLAIN = RequestDefaults("MiniMax-M3")


def described(defaults: RequestDefaults = PLAIN, encoding: str | None = None) -> Sidecar:
    chosen = EncodingOptions(None if encoding is None else Encoding.parse(encoding))
    return describe_input(replace(batch_options(), encoding=chosen), defaults, "00" * 16)


def test_a_later_setting_is_left_out_where_it_is_not_used_so_that_an_older_journal_has_the_same() -> None:
    later = {"effort", "encoding", "--set", "id_field"}
    assert set() == later & described().settings.keys()
    assert [] == changed_settings(described(), described(encoding="utf8"))
    assert ["encoding"] == changed_settings(described(), described(encoding="gbk"))
    thinks = replace(PLAIN, parameters={"thinking": {"type": "disabled"}})
    assert ["the field thinking"] == changed_settings(described(), described(thinks))
    assert ["effort"] == changed_settings(described(), described(replace(thinks, effort="none")))
    used = replace(PLAIN, effort="high", fixed=frozenset({"model"}), id_field="key")
    assert ["--set", "effort", "id_field"] == changed_settings(described(), described(used))
