"""Numbers of the core's choices by name: dicts made from the lists in csrc/enums.h."""


cdef extern from "enum_names.h":
    enum:
        DAE_N_ACTIVATIONS
        DAE_N_LOSSES
        DAE_N_SOLVERS
        DAE_N_CORRUPTIONS
        DAE_N_PRECISIONS
    const char *dae_activation_name(int) noexcept
    const char *dae_loss_name(int) noexcept
    const char *dae_solver_name(int) noexcept
    const char *dae_corruption_name(int) noexcept
    const char *dae_precision_name(int) noexcept


cdef dict _numbers(const char *(*name)(int) noexcept, int count):
    return {name(number).decode(): number for number in range(count)}


ACTIVATIONS = _numbers(dae_activation_name, DAE_N_ACTIVATIONS)
LOSSES = _numbers(dae_loss_name, DAE_N_LOSSES)
SOLVERS = _numbers(dae_solver_name, DAE_N_SOLVERS)
CORRUPTIONS = _numbers(dae_corruption_name, DAE_N_CORRUPTIONS)
PRECISIONS = _numbers(dae_precision_name, DAE_N_PRECISIONS)
