"""The claim: what turns a started kernel into somebody's kernel."""

from .spec import SpecError, check_keys, check_strings

_KEYS = {
    "env": dict,
    "unset": list,
    "cwd": str,
    "umask": int,
    "uid": int,
    "gid": int,
    "groups": list,
    "kernelId": str,
    "key": str,
    "place": dict,
}
_OPTIONAL = ("unset", "cwd", "umask", "uid", "gid", "groups", "place")
_PLACE = {"directory": str, "socket": str, "record": str}
_IDENTITY = ("umask", "uid", "gid", "groups")

# Deciding which configuration is loaded.
_COLD_NAMES = ("HOME", "IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_CONFIG_PATH")
# Read once: when a process, libc or Python starts, or when a library that the template has imported was loaded.
_COLD_PREFIXES = (
    *("PYTHON", "LD_", "MALLOC_", "GLIBC_TUNABLES"),
    *("OMP_", "OPENBLAS_", "MKL_", "BLIS_", "NUMEXPR_", "HDF5_", "MPL", "MATPLOTLIBRC", "XDG_"),
)
_LATE_NAMES = ("PYTHONPATH", "PYTHONSTARTUP")


def check(claim: dict) -> None:
    """@raises SpecError with a sentence that names the key"""
    check_keys(claim, _KEYS, "the claim", _OPTIONAL)
    check_strings(claim["env"], "env")
    check_strings(claim.get("unset", []), "unset")
    if not claim["key"]:
        raise SpecError("key must not be empty")
    if "place" in claim:
        check_keys(claim["place"], _PLACE, "place")


def merged(env: dict[str, str], claim: dict) -> dict[str, str]:
    """The complete environment of a process that starts with this claim."""
    gone = set(claim.get("unset", ()))
    return {**{name: value for name, value in env.items() if name not in gone}, **claim["env"]}


def needs_new_process(env: dict[str, str], claim: dict) -> bool:
    """Whether the claim changes something that can't be changed in a process that runs already."""
    wanted = merged(env, claim)
    return needs_new_interpreter(env, wanted) or any(env.get(name) != wanted.get(name) for name in _COLD_NAMES)


def needs_new_interpreter(env: dict[str, str], wanted: dict[str, str]) -> bool:
    """Whether a process that was started with `env` can't be given `wanted` any more."""
    changed = {name for name in env.keys() | wanted.keys() if env.get(name) != wanted.get(name)}
    return any(name.startswith(_COLD_PREFIXES) and name not in _LATE_NAMES for name in changed)


def identity(claim: dict) -> dict:
    return {name: claim[name] for name in _IDENTITY if name in claim}
