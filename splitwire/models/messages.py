"""What an error of a library says, as a piece of ours."""


def reason(error: BaseException) -> str:
    """The first line of what `error` says (its type if it says nothing), at most 160 characters."""
    lines = str(error).strip().splitlines() or [""]
    return lines[0][:160] or type(error).__name__
