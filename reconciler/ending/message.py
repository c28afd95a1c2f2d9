"""The words of a revert commit. Its trailers let a machine and a person find their way back (E3)."""

from reconciler.model import ids, records


def revert_commit(
    target: ids.TargetKey, revert: records.GitRevert, *, installation: str, entry: int, head_hash: str
) -> str:
    """Subject, reason and trailers. `entry` and `head_hash` name the newest line of the journal's chain."""
    failed, good = revert.failed, revert.good
    because = _one_line(failed.because)
    asked = f"{_one_line(failed.asked_by)} took the release {failed.revision[:12]} back: {because}."
    reason = asked if failed.asked_by else f"The release {failed.revision[:12]} failed: {because}."
    paths = "\n".join(f"  {path}" for path in revert.paths)
    return (
        f"Revert {target} to {good.revision[:12]}\n\n"
        f"{reason}\n\n"
        f"Restored to their content at {good.revision}:\n{paths}\n\n"
        f"Reconciler-Target: {target}\n"
        f"Reconciler-Failed-Revision: {failed.revision}\n"
        f"Reconciler-Failed-Inputs: {failed.input_digest}\n"
        f"Reconciler-Restored-Revision: {good.revision}\n"
        f"Reconciler-Restored-Inputs: {good.input_digest}\n"
        f"Reconciler-Installation: {installation}\n"
        f"Reconciler-Journal: {entry} {head_hash}\n"
    )


def _one_line(text: str) -> str:
    """A reason may quote an application: no line break of it may start a trailer of ours."""
    return " ".join(text.split())[:500].rstrip(".")
