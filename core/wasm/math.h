/* Instructions of WebAssembly, or what a compiler makes inline. */

#ifndef SPLITWIRE_WASM_MATH_H
#define SPLITWIRE_WASM_MATH_H

#define isfinite(x) __builtin_isfinite(x)
#define sqrt(x) __builtin_sqrt(x)

#endif
