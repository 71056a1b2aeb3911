from splitwire.kernels.arguments import Codes

STREAM_BYTES: int

def move(source: Codes, out: Codes, reads: int, writes: int, stream: bool) -> int: ...
