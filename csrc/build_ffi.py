"""Builds `obsflow._kernels`. The headers are the interface: without their `#` lines they are the cdef."""

import os
import pathlib

import cffi

HERE = pathlib.Path(__file__).resolve().parent
FAMILIES = (
    "hash", "alerts", "snappy", "log", "log_read", "log_write", "xor", "xor2", "head", "head_chunks", "runs", "chunks",
    "index_read", "index_write", "xor_windows", "labels", "lookup", "group", "rank", "window", "histogram", "decimal",
    "text",
)  # fmt: skip
HEADERS = ("status.h", *(f"{family}.h" for family in FAMILIES))
# setuptools wants paths relative to setup.py
SOURCES = sorted(f"{HERE.name}/{path.name}" for path in HERE.glob("*.c") if not path.name.startswith("_"))
# Contraction to fused multiply-add would change results from one processor to the next. Nobody sets a trap handler, and
# without that promise no loop that compares doubles is vectorised.
FLAGS = [
    "-std=c11", "-O3", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math", "-fvisibility=hidden",
    "-Wall", "-Wextra", "-Wno-psabi",
]  # fmt: skip
# The sanitizer build adds its own here; see the Makefile beside this file.
EXTRA = os.environ.get("OBSFLOW_CFLAGS", "").split()


def declarations(header: str) -> str:
    """A header as cffi reads it."""
    text = (HERE / header).read_text(encoding="utf-8")
    return "\n".join(line for line in text.splitlines() if not line.startswith("#"))


ffi = cffi.FFI()
ffi.cdef("\n".join(map(declarations, HEADERS)))
ffi.set_source(
    "obsflow._kernels",
    "\n".join(f'#include "{header}"' for header in HEADERS),
    sources=SOURCES,
    include_dirs=[str(HERE)],
    depends=sorted(f"{HERE.name}/{path.name}" for path in HERE.glob("*.h")),
    extra_compile_args=FLAGS + EXTRA,
    extra_link_args=EXTRA,
    libraries=["m", "pthread"],
)
