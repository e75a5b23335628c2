/* The choices that Python makes by name: one list for each, of X(number, name).
 *
 * The enum, the names that `daecore._enums` hands to Python and the cases of a `switch` all follow
 * from the list: a choice is added by one line here, and by its formula. */
#ifndef DAE_ENUMS_H
#define DAE_ENUMS_H

/* clang-format off */
#define FOR_EACH_ACTIVATION(X)                                                                     \
    X(DAE_IDENTITY, identity)                                                                      \
    X(DAE_LOGISTIC, logistic)                                                                      \
    X(DAE_TANH, tanh)                                                                              \
    X(DAE_RELU, relu)                                                                              \
    X(DAE_EXP, exp)                                                                                \
    X(DAE_SOFTMAX, softmax)

#define FOR_EACH_LOSS(X)                                                                           \
    X(DAE_SQUARED_ERROR, squared_error)                                                            \
    X(DAE_LOG_LOSS, log_loss)                                                                      \
    X(DAE_POISSON, poisson)                                                                        \
    X(DAE_MULTINOMIAL, multinomial)                                                                \
    X(DAE_SOFTMAX_LOG_LOSS, softmax_log_loss)

#define FOR_EACH_SOLVER(X)                                                                         \
    X(DAE_SGD, sgd)                                                                                \
    X(DAE_MOMENTUM, momentum)                                                                      \
    X(DAE_NESTEROV, nesterov)                                                                      \
    X(DAE_ADAM, adam)

#define FOR_EACH_CORRUPTION(X)                                                                     \
    X(DAE_NONE, none)                                                                              \
    X(DAE_MASKING, masking)                                                                        \
    X(DAE_GAUSSIAN, gaussian)                                                                      \
    X(DAE_SALT_AND_PEPPER, salt_and_pepper)                                                        \
    X(DAE_SWAP, swap)

/* Of the factors of a product of float32, each less precise than the one before. */
#define FOR_EACH_PRECISION(X)                                                                      \
    X(DAE_HIGHEST, highest)                                                                        \
    X(DAE_HIGH, high)                                                                              \
    X(DAE_MEDIUM, medium)

/* clang-format on */
#define DAE_NUMBER(NUMBER, NAME) NUMBER,
enum dae_activation { FOR_EACH_ACTIVATION(DAE_NUMBER) DAE_N_ACTIVATIONS };
enum dae_loss { FOR_EACH_LOSS(DAE_NUMBER) DAE_N_LOSSES };
enum dae_solver { FOR_EACH_SOLVER(DAE_NUMBER) DAE_N_SOLVERS };
enum dae_corruption { FOR_EACH_CORRUPTION(DAE_NUMBER) DAE_N_CORRUPTIONS };
enum dae_precision { FOR_EACH_PRECISION(DAE_NUMBER) DAE_N_PRECISIONS };
#undef DAE_NUMBER

#endif
