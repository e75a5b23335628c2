#define TABLE dae_x86_64_v3_f32
#define REAL float
#define REAL_IS_FLOAT 1
#define VECTOR_BYTES 32
#define VECTOR_REGISTERS 16
#define PRODUCTS "products_only_vector.h"
#include "../kernels_body.h"
