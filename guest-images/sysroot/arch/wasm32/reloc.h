/* No dynamic linking: only what internal headers want to see. */
#define LDSO_ARCH "wasm32"
#define TPOFF_K 0
