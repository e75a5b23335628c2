#define TABLE dae_x86_64_v4_bf16_f32
#define REAL float
#define REAL_IS_FLOAT 1
#define VECTOR_BYTES 64
#define VECTOR_REGISTERS 32
#define HAS_PAIRS 1
#define PRODUCTS "products_bfloat16.h"
#include "../kernels_body.h"
