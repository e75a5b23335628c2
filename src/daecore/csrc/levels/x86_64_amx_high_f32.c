#define TABLE dae_x86_64_amx_high_f32
#define REAL float
#define REAL_IS_FLOAT 1
#define VECTOR_BYTES 64
#define VECTOR_REGISTERS 32
#define PIECES 2
#define PRODUCTS "products_amx.h"
#include "../kernels_body.h"
