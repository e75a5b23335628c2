#define TABLE dae_neon_f64
#define REAL double
#define REAL_IS_FLOAT 0
#define VECTOR_BYTES 16
#define VECTOR_REGISTERS 32
#define NEON 1
#define PRODUCTS "products_only_vector.h"
#include "../kernels_body.h"
