#define TABLE dae_x86_64_amx_f32
#define REAL float
#define REAL_IS_FLOAT 1
#define VECTOR_BYTES 64
#define VECTOR_REGISTERS 32
#define PIECES 3
#define PRODUCTS "products_amx.h"
#include "../kernels_body.h"
