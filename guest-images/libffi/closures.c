/* The target part of libffi for isolet: calls and closures, for ctypes. In the place of src/wasm/ffi.c and src/closures.c,
   which make WebAssembly functions at run time by JavaScript.

   No library can be loaded, so what a program can call by a pointer is either a closure that it made itself, which is no
   function but a record on the heap and is entered from here, whatever its types, or one of the five functions whose
   addresses _ctypes gives out (_memmove_addr and its like), all of which take and return words of 32 bits. Another pointer
   is a mistake of the program and ends it, as a call into nowhere does on Linux. */
#include <ffi.h>
#include <ffi_common.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 4

/* Marks a closure; where native targets have the code that a caller jumps to. */
static const char mark[FFI_TRAMPOLINE_SIZE] = {'f', 'f', 'i', '!'};

ffi_status FFI_HIDDEN ffi_prep_cif_machdep(ffi_cif *cif)
{
    cif->nfixedargs = cif->nargs;
    return FFI_OK;
}

ffi_status FFI_HIDDEN ffi_prep_cif_machdep_var(ffi_cif *cif, unsigned fixed, unsigned total)
{
    (void)total;
    cif->nfixedargs = fixed;
    return FFI_OK;
}

/* Loads an argument of at most 32 bits; anything else is none of the five functions'. */
static uint32_t word(const ffi_type *type, const void *value)
{
    switch (type->type) {
    case FFI_TYPE_UINT8: return *(const uint8_t *)value;
    case FFI_TYPE_SINT8: return *(const int8_t *)value;
    case FFI_TYPE_UINT16: return *(const uint16_t *)value;
    case FFI_TYPE_SINT16: return *(const int16_t *)value;
    case FFI_TYPE_INT:
    case FFI_TYPE_UINT32:
    case FFI_TYPE_SINT32:
    case FFI_TYPE_POINTER: return *(const uint32_t *)value;
    default: __builtin_trap();
    }
}

static void enter_closure(const ffi_closure *closure, const ffi_cif *cif, void *result, void **values)
{
    if (cif->nargs < closure->cif->nargs) __builtin_trap();
    closure->fun(closure->cif, result, values, closure->user_data);
}

static void call_words(ffi_cif *cif, void (*function)(void), void *result, void **values)
{
    uint32_t w[WORDS_MAX];
    if (cif->nargs > WORDS_MAX) __builtin_trap();
    for (unsigned i = 0; i < cif->nargs; i++) w[i] = word(cif->arg_types[i], values[i]);
    uint32_t got;
    switch (cif->nargs) {
    case 0: got = ((uint32_t (*)(void))function)(); break;
    case 1: got = ((uint32_t (*)(uint32_t))function)(w[0]); break;
    case 2: got = ((uint32_t (*)(uint32_t, uint32_t))function)(w[0], w[1]); break;
    case 3: got = ((uint32_t (*)(uint32_t, uint32_t, uint32_t))function)(w[0], w[1], w[2]); break;
    default: got = ((uint32_t (*)(uint32_t, uint32_t, uint32_t, uint32_t))function)(w[0], w[1], w[2], w[3]);
    }
    if (result && cif->rtype->type != FFI_TYPE_VOID) *(ffi_arg *)result = got;
}

void ffi_call(ffi_cif *cif, void (*function)(void), void *result, void **values)
{
    const ffi_closure *closure = (const ffi_closure *)function;
    if ((uintptr_t)closure % _Alignof(ffi_closure) == 0 && memcmp(closure->tramp, mark, sizeof mark) == 0)
        enter_closure(closure, cif, result, values);
    else
        call_words(cif, function, result, values);
}

void *ffi_closure_alloc(size_t size, void **code)
{
    return *code = calloc(1, size < sizeof(ffi_closure) ? sizeof(ffi_closure) : size);
}

void ffi_closure_free(void *closure)
{
    if (closure) memset(closure, 0, sizeof mark); /* Called after its end, it is nothing. */
    free(closure);
}

ffi_status ffi_prep_closure_loc(ffi_closure *closure, ffi_cif *cif, void (*fun)(ffi_cif *, void *, void **, void *),
                                void *user_data, void *code)
{
    if (cif->abi != FFI_DEFAULT_ABI || code != closure) return FFI_BAD_ABI;
    memcpy(closure->tramp, mark, sizeof mark);
    closure->cif = cif;
    closure->fun = fun;
    closure->user_data = user_data;
    return FFI_OK;
}
