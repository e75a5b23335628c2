"""Sizes that the calls of the core go by, each with its measurement.

Read at call time, so that a test or a benchmark may change them. Those inside the core are in
src/daecore/csrc/tuning.h.
"""

# Operations below which a second thread costs more than it brings: a step has four barriers, a call
# wakes the team (python -m bench.kernels --only thresholds; two cores, AVX-512).
SERIAL_STEP = 1_500_000
SERIAL_CALL = 8_000_000

# Entries of X from which a second thread helps to look for NaN: one thread reads as many in 20 us,
# which is what waking the team costs.
SERIAL_ENTRIES = 2**18

# Operations of one native call. A slow machine does 10^10 per second, so that Ctrl-C is served
# within 0.2 s; the call itself costs microseconds.
OPERATIONS_PER_CALL = 2e9

# Operations per entry to corrupt: about what a random word and its use cost.
OPERATIONS_PER_CORRUPTED_ENTRY = 50.0

# Entries of sparse rows that are unpacked at a time where a dense copy is asked for: 16 MiB.
UNPACKED_ENTRIES = 2**22

# Seconds that a native call of training may take: short for Ctrl-C, long against the call's first
# encoding, which later batches get for nothing from the sweep before.
CALL_SECONDS = 0.1

# Rows from which the matrix unit is worth packing the weights for it, where there is one
# (784-500: 64 rows 0.8x, 128 rows 0.9 to 1.1x, 10,000 rows 1.3x). The rows of all calls together
# decide, so that neither the threads nor the size of a call change a bit of what a row gets.
MANY_ROWS = 512

# Rows whose codes are kept between the layers of a network.
ROWS_BETWEEN_LAYERS = 4096

# Most threads of a team: libgomp keeps what it knows of a team on the stack, and crashes on a team
# of 100,000.
MOST_THREADS = 256
