"""Where the journals of the tenants are: the default one's in the folder itself, the others' in folders inside it."""

from pathlib import Path

from coldlight_storage.state.tokens import DEFAULT_TENANT, TENANT

_TENANTS = "tenants"


def journal_folder(folder: Path, tenant: str) -> Path:
    """The folder of one tenant's journal, which need not be there."""
    return folder if tenant == DEFAULT_TENANT else folder / _TENANTS / tenant


def journal_folders(folder: Path) -> dict[str, Path]:
    """Those that are there, by tenant, and the default one. Raises OSError."""
    found = (folder / _TENANTS).iterdir() if (folder / _TENANTS).exists() else ()
    others = {path.name: path for path in sorted(found) if TENANT.fullmatch(path.name)}
    return {DEFAULT_TENANT: folder, **others}
