"""Builds the kernels; everything else is in pyproject.toml."""

import sysconfig

from setuptools import setup

# A free-threaded interpreter has no stable ABI before 3.15.
abi3 = {} if sysconfig.get_config_var("Py_GIL_DISABLED") else {"bdist_wheel": {"py_limited_api": "cp311"}}

setup(cffi_modules=["csrc/build_ffi.py:ffi"], options=abi3)
