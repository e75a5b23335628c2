#define TABLE dae_x86_64_v4_f64
#define REAL double
#define REAL_IS_FLOAT 0
#define VECTOR_BYTES 64
#define VECTOR_REGISTERS 32
#define PRODUCTS "products_only_vector.h"
#include "../kernels_body.h"
