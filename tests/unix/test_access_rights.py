"""A file that is replaced keeps its access rights, or is refused at once."""

import errno
import os
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from mmpipe.errors import OutputError
from mmpipe.unix.files import replace_output

ACL = "system.posix_acl_access"
DEFAULT_ACL = "system.posix_acl_default"
NOBODY = 0xFFFFFFFF
OWNER, USER, GROUP, NAMED_GROUP, MASK, OTHER = 1, 2, 4, 8, 16, 32
Entry = tuple[int, int, int]


def acl(*entries: Entry) -> bytes:
    """Return the list as the kernel has it: tag, permissions, and number of each entry."""
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


def shared(group: int, mask: int = 6, user: int = 4321) -> bytes:
    """Return a list in which a user may more than the group."""
    named = (USER, 6, user), (GROUP, group, NOBODY), (MASK, mask, NOBODY)
    return acl((OWNER, 6, NOBODY), *named, (OTHER, 0, NOBODY))


@pytest.fixture
def with_lists(tmp_path: Path) -> Path:
    """Folder whose file system has access control lists."""
    (tmp_path / "trial").touch()
    try:
        os.setxattr(tmp_path / "trial", ACL, shared(4))
    except (OSError, AttributeError):
        pytest.skip("there are no access control lists here")
    (tmp_path / "trial").unlink()
    return tmp_path


def replace(path: Path) -> None:
    with replace_output(str(path)) as output:
        output.write(b"new")
    assert b"new" == path.read_bytes()


@pytest.mark.parametrize(
    "rights",
    [
        shared(0),
        shared(4),
        shared(7, mask=4),
        shared(6, mask=0),
        acl(
            (OWNER, 6, NOBODY),
            (GROUP, 0, NOBODY),
            (NAMED_GROUP, 7, 1234),
            (MASK, 7, NOBODY),
            (OTHER, 4, NOBODY),
        ),
        acl(
            (OWNER, 4, NOBODY),
            (USER, 4, 1),
            (USER, 6, 2),
            (GROUP, 1, NOBODY),
            (MASK, 7, NOBODY),
            (OTHER, 0, NOBODY),
        ),
    ],
)
@pytest.mark.parametrize("in_folder_with_default", [False, True])
def test_the_access_control_list_of_the_old_file_is_kept(
    rights: bytes, in_folder_with_default: bool, with_lists: Path
) -> None:
    (with_lists / "old").touch()
    os.setxattr(with_lists / "old", ACL, rights)
    mode = (with_lists / "old").stat().st_mode
    if in_folder_with_default:
        os.setxattr(with_lists, DEFAULT_ACL, shared(7, mask=7, user=5678))
    replace(with_lists / "old")
    assert (rights, mode) == (os.getxattr(with_lists / "old", ACL), (with_lists / "old").stat().st_mode)


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o070])
def test_a_file_without_a_list_gets_none_of_its_folder(mode: int, with_lists: Path) -> None:
    (with_lists / "old").touch(mode)
    (with_lists / "old").chmod(mode)
    os.setxattr(with_lists, DEFAULT_ACL, shared(7, mask=7))
    with replace_output(str(with_lists / "old")) as output:
        output.write(b"new")
    assert ([], mode) == (os.listxattr(with_lists / "old"), stat.S_IMODE((with_lists / "old").stat().st_mode))


def test_a_new_file_gets_the_list_of_its_folder_as_one_that_a_shell_creates(with_lists: Path) -> None:
    os.setxattr(with_lists, DEFAULT_ACL, shared(4, mask=6))
    (with_lists / "by a shell").touch()
    replace(with_lists / "new")
    assert os.getxattr(with_lists / "by a shell", ACL) == os.getxattr(with_lists / "new", ACL)


def test_the_list_is_kept_behind_a_link_and_does_not_pass_to_the_other_name(with_lists: Path) -> None:
    (with_lists / "old").touch()
    os.setxattr(with_lists / "old", ACL, shared(4))
    (with_lists / "link").symlink_to("old")
    replace(with_lists / "link")
    assert shared(4) == os.getxattr(with_lists / "old", ACL)


@contextmanager
def acting_as(user: int, group: int) -> Iterator[None]:
    """Act as another user, in no other group."""
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(group)
    os.seteuid(user)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)


@pytest.fixture
def for_all(with_lists: Path) -> Iterator[Path]:
    """Folder of root that everybody reaches and may write to."""
    if os.geteuid() != 0:
        pytest.skip("only root can act as another user")
    with TemporaryDirectory(dir=with_lists.root + "tmp") as folder:
        Path(folder).chmod(0o777)
        yield Path(folder)


@pytest.mark.parametrize(("others", "left"), [(0, 0), (4, 4), (2, 2), (6, 6), (7, 6)])
@pytest.mark.parametrize("has_list", [True, False])
def test_a_group_that_the_old_file_did_not_have_gets_what_everybody_has(
    others: int, left: int, has_list: bool, for_all: Path
) -> None:
    path = for_all / "old"
    path.touch()
    path.chmod(0o660 | others)
    rights = acl(
        (OWNER, 6, NOBODY), (USER, 6, 99), (GROUP, 6, NOBODY), (MASK, 7, NOBODY), (OTHER, others, NOBODY)
    )
    if has_list:
        os.setxattr(path, ACL, rights)
    os.chown(path, 4321, 4321)
    with acting_as(4321, 1234):
        replace(path)
    assert (4321, 1234) == (path.stat().st_uid, path.stat().st_gid)
    if has_list:
        expected = rights.replace(struct.pack("<HH", GROUP, 6), struct.pack("<HH", GROUP, left))
        assert expected == os.getxattr(path, ACL)
    else:
        assert left == stat.S_IMODE(path.stat().st_mode) >> 3 & 7


def test_a_file_of_another_stays_readable_for_a_named_user(for_all: Path) -> None:
    path = for_all / "old"
    path.touch()
    os.setxattr(path, ACL, shared(0, user=4321))
    with acting_as(4321, 4321):
        replace(path)
    assert (4321, 4321, shared(0, user=4321)) == (
        path.stat().st_uid,
        path.stat().st_gid,
        os.getxattr(path, ACL),
    )


def test_attributes_of_users_are_kept_and_no_other_ones(with_lists: Path) -> None:
    path = with_lists / "old"
    path.touch()
    attributes = {"user.mime_type": b"text/plain", "user.empty": b"", "user.bytes": bytes(range(256))}
    try:
        for name, value in attributes.items():
            os.setxattr(path, name, value)
    except OSError:
        # On a tmpfs of an older kernel.
        pytest.skip("there are no attributes of users here")
    if os.geteuid() == 0:
        os.setxattr(path, "security.capability", struct.pack("<IIIII", 0x2000000, 1 << 10, 0, 0, 0))
        os.setxattr(path, "trusted.mark", b"x")
    replace(path)
    assert attributes == {name: os.getxattr(path, name) for name in os.listxattr(path)}


def test_an_attribute_that_the_user_may_not_read_is_no_hindrance(for_all: Path) -> None:
    path = for_all / "old"
    path.touch()
    os.setxattr(path, "user.mark", b"x")
    path.chmod(0o622)
    with acting_as(4321, 4321), replace_output(str(path)) as output:
        output.write(b"new")
    assert b"new" == path.read_bytes()


@pytest.mark.parametrize("mode", [0o400, 0o444, 0o440, 0o555, 0, 0o644, 0o600])
def test_the_attributes_of_a_file_without_the_right_to_write_are_kept(mode: int, for_all: Path) -> None:
    path = for_all / "old"
    path.touch()
    os.setxattr(path, "user.mark", b"x")
    os.chown(path, 4321, 4321)
    path.chmod(mode)
    with acting_as(4321, 4321), replace_output(str(path)) as output:
        output.write(b"new")
    # Without the right to read them, attributes are lost.
    kept = [b"x"] if mode & 0o400 else []
    assert kept == [os.getxattr(path, name) for name in os.listxattr(path)]
    assert mode == stat.S_IMODE(path.stat().st_mode)


NFS4_ACL = "system.nfs4_acl"


class Nfs4:
    """Lists of a server of NFSv4, which every file has: one of its own, or that of its mode."""

    def __init__(self, *, refuses: bool = False) -> None:
        self._get, self._set = os.getxattr, os.setxattr
        self._lists: dict[int, bytes] = {}
        self.refuses = refuses

    def getxattr(self, file: str | int, name: str) -> bytes:
        if name == NFS4_ACL:
            found = os.stat(file)  # noqa: PTH116  it may be a descriptor
            return self._lists.get(found.st_ino, b"mode %o" % found.st_mode)
        return self._get(file, name)

    def setxattr(self, file: str | int, name: str, value: bytes) -> None:
        if name != NFS4_ACL:
            self._set(file, name, value)
            return
        if self.refuses:
            raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))
        self._lists[os.stat(file).st_ino] = value  # noqa: PTH116

    def put_on(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "getxattr", self.getxattr)
        monkeypatch.setattr(os, "setxattr", self.setxattr)


def test_the_list_of_nfs_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = Nfs4()
    server.put_on(monkeypatch)
    path = tmp_path / "old"
    path.touch(0o640)
    server.setxattr(str(path), NFS4_ACL, b"A::joe@example.com:rw")
    replace(path)
    assert b"A::joe@example.com:rw" == server.getxattr(str(path), NFS4_ACL)


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o664, 0o400])
def test_a_list_of_nfs_that_is_the_mode_needs_no_copy(
    mode: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Nfs4(refuses=True).put_on(monkeypatch)
    path = tmp_path / "old"
    path.touch()
    path.chmod(mode)
    with replace_output(str(path)) as output:
        output.write(b"new")
    assert mode == stat.S_IMODE(path.stat().st_mode)


def test_a_list_of_nfs_that_cannot_be_kept_is_an_error_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Nfs4()
    server.put_on(monkeypatch)
    path = tmp_path / "old"
    path.write_bytes(b"old")
    server.setxattr(str(path), NFS4_ACL, b"A::joe@example.com:rw")
    server.refuses = True
    with pytest.raises(OutputError, match="old: Operation not supported"):
        refuse_at_once(path)
    assert (b"old", ["old"]) == (path.read_bytes(), [found.name for found in tmp_path.iterdir()])


def test_a_list_of_nfs_gives_no_rights_to_another_group(
    for_all: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Nfs4()
    server.put_on(monkeypatch)
    path = for_all / "old"
    path.write_bytes(b"old")
    server.setxattr(str(path), NFS4_ACL, b"A:g:GROUP@:rw")
    with acting_as(4321, 4321), pytest.raises(OutputError, match="cannot be kept for another group"):
        refuse_at_once(path)
    assert b"old" == path.read_bytes()


REFUSED = "^cannot replace .*old: its folder is sticky and it belongs to another user; "


@pytest.mark.parametrize(
    ("mode", "advice"),
    [(0o666, "write into it with `> FILE`, or choose"), (0o644, "choose"), (0o600, "choose")],
)
def test_a_file_of_another_in_a_sticky_folder_is_refused_at_once(
    mode: int, advice: str, for_all: Path
) -> None:
    path = for_all / "old"
    path.write_bytes(b"old")
    path.chmod(mode)
    for_all.chmod(0o1777)
    with acting_as(4321, 4321), pytest.raises(OutputError, match=f"{REFUSED}{advice} another file$"):
        refuse_at_once(path)
    assert (b"old", ["old"]) == (path.read_bytes(), [found.name for found in for_all.iterdir()])


def refuse_at_once(path: Path) -> None:
    with replace_output(str(path)):
        pytest.fail("it was opened")


def test_an_own_file_in_a_sticky_folder_and_any_file_in_an_own_one_are_replaced(for_all: Path) -> None:
    for_all.chmod(0o1777)
    for owner, folder_owner in ((4321, 0), (99, 4321)):
        path = for_all / f"of {owner}"
        path.touch()
        os.chown(path, owner, owner)
        os.chown(for_all, folder_owner, 0)
        with acting_as(4321, 4321):
            replace(path)


def test_a_folder_that_takes_no_new_file_is_refused_at_once(for_all: Path) -> None:
    path = for_all / "old"
    path.write_bytes(b"old")
    path.chmod(0o666)
    for_all.chmod(0o755)
    reason = (
        f"^cannot replace {path}: Permission denied for a new file in {for_all}; write into it with `> FILE`"
    )
    with acting_as(4321, 4321), pytest.raises(OutputError, match=reason):
        refuse_at_once(path)
    assert b"old" == path.read_bytes()
