/* The names of the numbers in enums.h, for `daecore._enums`. */
#ifndef DAE_ENUM_NAMES_H
#define DAE_ENUM_NAMES_H

#include "enums.h"

/* clang-format off */
#define DAE_NAME(NUMBER, NAME)                                                                     \
    case NUMBER: return #NAME;
#define DAE_NAMES(FUNCTION, FOR_EACH)                                                              \
    static const char *FUNCTION(int number)                                                        \
    {                                                                                              \
        switch (number) {                                                                          \
            FOR_EACH(DAE_NAME)                                                                     \
        default: return "";                                                                        \
        }                                                                                          \
    }
DAE_NAMES(dae_activation_name, FOR_EACH_ACTIVATION)
DAE_NAMES(dae_loss_name, FOR_EACH_LOSS)
DAE_NAMES(dae_solver_name, FOR_EACH_SOLVER)
DAE_NAMES(dae_corruption_name, FOR_EACH_CORRUPTION)
DAE_NAMES(dae_precision_name, FOR_EACH_PRECISION)
/* clang-format on */
#undef DAE_NAMES
#undef DAE_NAME

#endif
