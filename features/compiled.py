"""How the fold is compiled: what the functions of `features.row` and `features.slots` have in common.

Knows no row and no key. The compiler keeps its code on disk and makes it anew when the file of a function changes, but
not when another file does that it calls: so what the fold computes stands in one file, and here is only how.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic


def compiled(function: Any) -> Any:
    """The function compiled to machine code, kept on disk, running without the interpreter's lock."""
    return njit(cache=True, nogil=True, error_model="numpy")(function)


def compiled_lean(function: Any) -> Any:
    """The same without counting references to arrays, which takes longer than the work itself: it can make no array."""
    options: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy", "_nrt": False}
    return njit(**options)(function)


def inlined(function: Any) -> Any:
    """The same within its caller: to hand over many arrays a line takes longer than the work."""
    options: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy", "_nrt": False}
    return njit(forceinline=True, **options)(function)


_PREFETCH = "llvm.prefetch.p0"
_CACHE_LINE = 64
_MOST_LINES = 4


def _prefetch(typing_context: Any, rows: Any, row: Any) -> Any:
    """Ask for a row of the matrix (int64, C order; up to 256 bytes) to be brought into the cache, and go on."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        tools: Any = cgutils
        array = context.make_array(signature.args[0])(context, builder, args[0])
        stride = tools.unpack_tuple(builder, array.strides)[0]
        byte, number = ir.IntType(8), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [ir.PointerType(byte), number, number, number])
        prefetch = tools.get_or_insert_function(builder.module, kind, _PREFETCH)
        begin = builder.bitcast(array.data, ir.PointerType(byte))
        start = builder.mul(context.cast(builder, args[1], signature.args[1], types.intp), stride)
        for line in range(_MOST_LINES):
            at = builder.add(start, ir.Constant(start.type, _CACHE_LINE * line))
            where = builder.gep(begin, [at], source_etype=byte)
            builder.call(prefetch, [where, number(0), number(3), number(1)])  # to read, into all caches, data
        return context.get_dummy_value()

    return types.void(rows, row), code


prefetch: Any = intrinsic(_prefetch)
