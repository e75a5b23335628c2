"""The compiled core: its extensions, the SIMD levels, OpenMP. The rest is in pyproject.toml.

Switches, read from the environment:

    DAE_DEBUG=1         bounds checks and assertions on, C at -O1 with symbols
    DAE_NO_OPENMP=1     a serial build, even where the compiler knows OpenMP
    DAE_LIMITED_API=0   extensions for this Python alone, not one abi3 build for 3.11 and newer

Nothing is assumed about the compiler that can be asked: each SIMD level and OpenMP are probed.
"""

import os
import platform
import shlex
import subprocess
import sys
import sysconfig
from glob import glob
from pathlib import Path
from tempfile import TemporaryDirectory

import Cython
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import CompileError, LinkError, PlatformError

DEBUG = os.environ.get("DAE_DEBUG", "0") != "0"
NO_OPENMP = os.environ.get("DAE_NO_OPENMP", "0") != "0"
# A free-threaded Python cannot load abi3 modules.
LIMITED_API = os.environ.get("DAE_LIMITED_API", "1") != "0" and not sysconfig.get_config_var(
    "Py_GIL_DISABLED"
)

CORE = "src/daecore"
CSRC = f"{CORE}/csrc"

# Cython modules, with the C units that keep to the baseline instruction set like the module itself.
MODULES = {
    "_enums": [],
    "_simd": [f"{CSRC}/dispatch.c"],
    "_threads": [],
    "_training": [],
    "_sampled": [],
    "_inference": [],
    "_convolution": [],
}
WITH_OPENMP = {"_threads", "_training", "_sampled", "_inference", "_convolution"}

# `_simd` owns the kernels: csrc/levels/<level>_<real type>.c, each level with flags of its own;
# <level>_<precision>_<real type>.c where a level multiplies less precise factors faster.
# These are x86-64's. AArch64 has the compiler's default twice: `neon` adds what the vector
# extensions cannot say. Elsewhere there is the baseline alone.
LEVELS = {
    "baseline": ["-march=x86-64-v2"],
    "x86_64_v3": ["-march=x86-64-v3"],
    # GCC and clang prefer 256-bit vectors by default, and would waste half of each register.
    "x86_64_v4": ["-march=x86-64-v4", "-mprefer-vector-width=512"],
    # the same, and factors of bfloat16
    "x86_64_v4_bf16": ["-march=x86-64-v4", "-mprefer-vector-width=512", "-mavx512bf16"],
    # the same, and float32 by the matrix unit; then less precise factors there
    "x86_64_amx": ["-march=x86-64-v4", "-mprefer-vector-width=512"],
    "x86_64_amx_high": ["-march=x86-64-v4", "-mprefer-vector-width=512", "-mavx512bf16"],
    "x86_64_amx_medium": ["-march=x86-64-v4", "-mprefer-vector-width=512", "-mavx512bf16"],
}

# gnu11 for C11 atomics and vector extensions. Never -ffast-math: the core looks for NaN, and older
# compilers let it switch off denormals for the whole process. Never -march=native: the machine that
# builds is not the machine that runs.
C_FLAGS = ["-std=gnu11", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=fast"]
# -Wno-psabi: vectors are passed between inlined functions only, no ABI is involved.
C_FLAGS += ["-fvisibility=hidden", "-Wall", "-Wextra", "-Wno-psabi"]
# -g0: Python's own flags say -g, which would make the wheel ten times as large.
C_FLAGS += ["-O1", "-g", "-UNDEBUG"] if DEBUG else ["-O3", "-g0"]

MACROS = [("DAE_DEBUG", "1")] if DEBUG else [("CYTHON_WITHOUT_ASSERTIONS", "1")]
MACROS += [("Py_LIMITED_API", "0x030B0000")] if LIMITED_API else []

DIRECTIVES = {
    "language_level": 3,
    "boundscheck": DEBUG,
    "initializedcheck": DEBUG,
    "nonecheck": DEBUG,
    "wraparound": False,  # in a debug build a negative index is an error, not the other end
    "cdivision": True,
    "freethreading_compatible": True,
}

# Windows aligns stacks to 16 bytes, GCC takes them for aligned to a vector's size (GCC bug 54412).
WINDOWS_FLAGS = ["-Wa,-muse-unaligned-vector-move"]

AARCH64_LEVELS: dict[str, list[str]] = {"baseline": [], "neon": []}

# Emits the level's instructions, so that the assembler is asked as well as the compiler.
VECTOR_PROBE = """
#ifndef __x86_64__
#error "not x86-64"
#endif
typedef float lanes __attribute__((vector_size(64)));
void multiply_add(lanes *a, const lanes *b) { *a += *a * *b; }
"""

NEON_PROBE = """
#ifndef __aarch64__
#error "not AArch64"
#endif
#include <arm_neon.h>
float32x4_t multiply_add(float32x4_t a, float32x4_t b, float32x4_t c)
{
    return vfmaq_laneq_f32(a, b, c, 3);
}
"""

# The matrix unit is spoken to in assembler, and Linux has to be asked for it.
MATRIX_PROBE = """
#ifndef __linux__
#error "no way to ask for the matrix unit"
#endif
void multiply(void) { __asm__ volatile("tdpbf16ps %tmm0, %tmm1, %tmm2"); }
"""

# A matrix unit's less precise factors are rounded by the instructions of this probe, too.
BFLOAT16_PROBE = """
#include <immintrin.h>
__m512 add(__m512 sum, __m512 a) {
    const __m512bh both = _mm512_cvtne2ps_pbh(a, sum);
    return _mm512_dpbf16_ps(sum, both, both);
}
"""

# Those that are asked for their instructions; of the others the flags say enough.
LEVEL_PROBES = {
    "x86_64_v4_bf16": [BFLOAT16_PROBE],
    "x86_64_amx": [MATRIX_PROBE],
    "x86_64_amx_high": [MATRIX_PROBE, BFLOAT16_PROBE],
    "x86_64_amx_medium": [MATRIX_PROBE, BFLOAT16_PROBE],
}

OPENMP_PROBE = """
#include <omp.h>
int main(void) {
    int n = 0;
    #pragma omp parallel for reduction(+:n) num_threads(2)
    for (int i = 0; i < 100; i++) n += omp_get_num_threads() > 0;
    return n != 100;
}
"""


def notice(text):
    """Say it on stderr, where pip shows it with the rest of the build."""
    print(f"\n*** daecore: {text}\n", file=sys.stderr, flush=True)


def cross_build():
    """Whether this Python is told that it builds for another machine.

    As cibuildwheel, conda-forge and crossenv do that.
    """
    target = os.environ.get("_PYTHON_HOST_PLATFORM")
    return target is not None and not target.endswith(platform.machine().lower())


def libomp_prefixes():
    """Where Homebrew and conda put LLVM's OpenMP runtime, which no compiler looks into."""
    prefixes = [os.environ.get("CONDA_PREFIX"), sys.prefix]
    try:
        brew = subprocess.run(
            ["brew", "--prefix", "libomp"], capture_output=True, text=True, timeout=60
        )
        prefixes.append(brew.stdout.strip())
    except (OSError, subprocess.SubprocessError):
        pass
    return [prefix for prefix in prefixes if prefix and Path(prefix, "include/omp.h").exists()]


class BuildExt(build_ext):
    """Ask the compiler what it can do, then compile each kernel unit with its own flags."""

    def finalize_options(self):
        super().finalize_options()
        if sys.platform == "win32" and self.compiler is None:
            self.compiler = "mingw32"  # the default is MSVC

    def get_libraries(self, ext):
        """An abi3 module made by MinGW must ask for python3.dll, not for python311.dll."""
        own = "python{}{}".format(*sys.version_info)
        libraries = super().get_libraries(ext)
        return ["python3" if LIMITED_API and name == own else name for name in libraries]

    def build_extensions(self):
        if self.compiler.compiler_type == "msvc":
            raise PlatformError(
                "daecore is written with GCC's vector extensions, which MSVC does not have; "
                "build with GCC or clang (on Windows: setup.py build_ext --compiler=mingw32)"
            )
        openmp_compile, openmp_link = self.openmp_flags()
        self.levels = self.simd_levels()
        for ext in self.extensions:
            if ext.name.removeprefix("daecore.") in WITH_OPENMP:
                ext.extra_compile_args += openmp_compile
                ext.extra_link_args += openmp_link

        # setuptools and Cython compare times, not flags: after a change of configuration (debug or
        # release, another Python, ...) everything is made anew. The stamp goes first and comes back
        # last, so that a build that fails in between is not taken for a finished one.
        stamp = Path("build/configuration.txt")
        configuration = "\n".join(
            [sys.version, Cython.__version__]
            + [" ".join(self.compiler.compiler_so), " ".join(self.compiler.linker_so)]
            + [
                f"{e.name} {e.extra_compile_args} {e.extra_link_args} {e.define_macros}"
                for e in self.extensions
            ]
            + [f"{self.levels} {DIRECTIVES}"]
        )
        if not stamp.exists() or stamp.read_text() != configuration:
            self.force = True
            stamp.unlink(missing_ok=True)
            for suffix in ("so", "pyd"):
                for module in Path(self.build_lib, "daecore").glob(f"*.{suffix}"):
                    module.unlink()  # whatever is left there goes into the wheel

        generated = cythonize(
            self.extensions,
            build_dir="build/cython",  # generated C stays out of src/
            include_path=["src"],
            compiler_directives=DIRECTIVES,
            force=bool(self.force),
        )
        sources = {ext.name: ext.sources for ext in generated}
        for ext in self.extensions:
            ext.sources = sources[ext.name]

        self.parallel = self.parallel or os.cpu_count()
        super().build_extensions()
        stamp.parent.mkdir(exist_ok=True)
        stamp.write_text(configuration)

    def build_extension(self, ext):
        if ext.name == "daecore._simd":
            for level, flags in self.levels.items():
                if level != "baseline":
                    ext.define_macros.append((f"DAE_HAVE_{level.upper()}", "1"))
                ext.extra_objects += self.compiler.compile(
                    sorted(glob(f"{CSRC}/levels/{level}_f*.c")),
                    output_dir=self.build_temp,
                    macros=ext.define_macros,
                    include_dirs=ext.include_dirs,
                    extra_postargs=ext.extra_compile_args + flags,
                )
        super().build_extension(ext)

    def simd_levels(self):
        """Levels to compile, name -> flags."""
        if self.works(NEON_PROBE):
            return AARCH64_LEVELS
        if not self.works(VECTOR_PROBE):
            return {"baseline": []}
        levels = {}
        more = []
        if self.compiler.compiler_type == "mingw32" and self.works(VECTOR_PROBE, WINDOWS_FLAGS):
            more = WINDOWS_FLAGS
        for level, flags in LEVELS.items():
            probes = LEVEL_PROBES.get(level, [VECTOR_PROBE])
            if all(self.works(probe, flags) for probe in probes):
                levels[level] = flags + more
            elif level == "baseline":
                notice(f"the compiler refuses {' '.join(flags)}; the baseline is its default")
                levels[level] = []
            else:
                notice(f"SIMD level {level} dropped: the compiler does not know its instructions")
        return levels

    def openmp_flags(self):
        """Flags to compile and to link with; none where OpenMP does not work, or is not wanted."""
        candidates = [] if NO_OPENMP else list(self.openmp_candidates())
        for compile_flags, link_flags in candidates:
            if self.works(OPENMP_PROBE, compile_flags, link_flags):
                return compile_flags, link_flags
        reason = "DAE_NO_OPENMP is set" if NO_OPENMP else "no OpenMP program could be built and run"
        notice(f"SERIAL BUILD, {reason}. It works, on one thread; dae.show_versions() says so.")
        return [], []

    @staticmethod
    def openmp_candidates():
        """(flags to compile with, flags to link with), the first that works is taken."""
        yield ["-fopenmp"], ["-fopenmp"]
        if sys.platform == "darwin":  # Apple's clang has the pragmas, libomp comes from elsewhere
            pragmas = ["-Xpreprocessor", "-fopenmp"]
            yield pragmas, ["-lomp"]
            for prefix in libomp_prefixes():
                library = f"{prefix}/lib"
                yield (
                    [*pragmas, f"-I{prefix}/include"],
                    [f"-L{library}", f"-Wl,-rpath,{library}", "-lomp"],
                )

    def works(self, source, flags=(), link_flags=None):
        """Whether `source` compiles and, given `link_flags`, links and runs."""
        with TemporaryDirectory() as folder:
            path = Path(folder, "probe.c")
            path.write_text(source)
            try:
                # An absolute path is kept below output_dir, so the object lies in `folder` too.
                objects = self.compiler.compile(
                    [str(path)], output_dir=folder, extra_postargs=list(flags)
                )
                if link_flags is not None:
                    # setuptools gives these to the linker of modules, not to that of programs
                    given = [os.environ.get(name, "") for name in ("CFLAGS", "LDFLAGS")]
                    self.compiler.link_executable(
                        objects,
                        "probe",
                        output_dir=folder,
                        extra_preargs=shlex.split(" ".join(given)),
                        extra_postargs=link_flags,
                    )
                    program = self.compiler.executable_filename("probe", output_dir=folder)
                    if not cross_build():  # else it cannot be run here
                        subprocess.run([program], check=True, timeout=60)
            except (CompileError, LinkError, OSError, subprocess.SubprocessError):
                return False
        return True


setup(
    ext_modules=[
        Extension(
            f"daecore.{module}",
            [f"{CORE}/{module}.pyx", *c_units],
            include_dirs=[CSRC],
            define_macros=list(MACROS),
            extra_compile_args=list(C_FLAGS),
            # All of it, since setuptools does not look into the files for what they include.
            depends=glob(f"{CSRC}/**/*.[ch]", recursive=True) + glob(f"{CORE}/*.pxd"),
            py_limited_api=LIMITED_API,
        )
        for module, c_units in MODULES.items()
    ],
    cmdclass={"build_ext": BuildExt},
    options={"bdist_wheel": {"py_limited_api": "cp311"}} if LIMITED_API else {},
)
