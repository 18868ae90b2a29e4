"""Copies owner, mode, access control list and attributes of a file to the file that replaces it: nobody gains access."""

import errno
import os
import struct
from contextlib import suppress
from typing import Final

_ACL: Final = "system.posix_acl_access"
_NFS4_ACL: Final = "system.nfs4_acl"
# linux/posix_acl_xattr.h: a version, then entries of tag, permissions and user or group.
_ACL_HEAD: Final = 4  # bytes
_ACL_ENTRY: Final = struct.Struct("<HHI")
_OWNING_GROUP, _OTHERS = 0x04, 0x20
# What users and a security policy have attached to the file. Not the others: file capabilities, for example, end with a write.
_KEPT_PREFIX: Final = "user."
_LABEL: Final = "security.selinux"
_UNSUPPORTED: Final = (errno.ENOTSUP, errno.ENODATA, errno.ENOSYS)


def copy_access(descriptor: int, path: str, found: os.stat_result) -> None:
    """Give the new file what the file at `path` has, whose status is `found`: group, list or mode, attributes, owner.

    The owner and group stay ours where they cannot be given away. Raises OSError if the rights cannot be copied.
    """
    is_same_group = _give_to_group(descriptor, found.st_gid)
    # First: a file that may not be written to takes no attributes.
    _copy_attributes(descriptor, path)
    acl = _read_attribute(path, _ACL)
    if acl is None:
        # The folder may have given a list to the new file.
        _remove_acl(descriptor)
        mode = found.st_mode & 0o777
        # Another group gets no more rights than everybody.
        os.fchmod(descriptor, mode if is_same_group else mode & (0o707 | (mode & 0o007) << 3))
    else:
        os.setxattr(descriptor, _ACL, acl if is_same_group else _limit_owning_group(acl))
    _copy_nfs4_acl(descriptor, path, is_same_group=is_same_group)
    with suppress(OSError):
        # Last: the file of another owner cannot be changed.
        os.fchown(descriptor, found.st_uid, -1)


def _copy_nfs4_acl(descriptor: int, path: str, *, is_same_group: bool) -> None:
    """Copy the list of a file on NFSv4, if the mode did not make the same one. Raises OSError."""
    acl = _read_attribute(path, _NFS4_ACL)
    if acl is None or acl == _read_attribute(descriptor, _NFS4_ACL):
        return
    if not is_same_group:
        raise PermissionError(errno.EPERM, "its access control list cannot be kept for another group")
    os.setxattr(descriptor, _NFS4_ACL, acl)


def _give_to_group(descriptor: int, group: int) -> bool:
    try:
        os.fchown(descriptor, -1, group)
    except OSError:
        return os.fstat(descriptor).st_gid == group
    return True


def _limit_owning_group(acl: bytes) -> bytes:
    """Return the list with no more rights for the owning group than for all others."""
    entries = list(_ACL_ENTRY.iter_unpack(acl[_ACL_HEAD:]))
    others = next((rights for tag, rights, _ in entries if tag == _OTHERS), 0)
    limited = (
        (tag, rights & others if tag == _OWNING_GROUP else rights, who) for tag, rights, who in entries
    )
    return acl[:_ACL_HEAD] + b"".join(_ACL_ENTRY.pack(*entry) for entry in limited)


def _read_attribute(file: str | int, name: str) -> bytes | None:
    """Return an extended attribute, None if the file or the system has none. Raises OSError."""
    if not hasattr(os, "getxattr"):
        return None
    try:
        return os.getxattr(file, name)
    except OSError as error:
        if error.errno in _UNSUPPORTED:
            return None
        raise


def _remove_acl(descriptor: int) -> None:
    if hasattr(os, "removexattr"):
        try:
            os.removexattr(descriptor, _ACL)
        except OSError as error:
            if error.errno not in _UNSUPPORTED:
                raise


def _copy_attributes(descriptor: int, path: str) -> None:
    """Copy the attributes of users as far as they can be read, and the label as far as the policy permits."""
    names = []
    if hasattr(os, "listxattr"):
        with suppress(OSError):
            names = os.listxattr(path)
    for name in names:
        if name == _LABEL:
            with suppress(OSError):
                os.setxattr(descriptor, name, os.getxattr(path, name))
        elif name.startswith(_KEPT_PREFIX):
            with suppress(PermissionError):
                value = _read_attribute(path, name)
                if value is not None:
                    os.setxattr(descriptor, name, value)
