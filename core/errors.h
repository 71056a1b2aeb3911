/* Errors in words. */

#ifndef SPLITWIRE_CORE_ERRORS_H
#define SPLITWIRE_CORE_ERRORS_H

#include "splitwire.h"

const char *sw_error(int error)
{
    static const char *const words[] = {
        "no error",
        "the bytes are no stream, or not as they were written",
        "the stream builds on another",
        "the codec is none of raw, rans, ecsq and ftc",
        "the spec gives a parameter that the codec does not have, or out of range",
        "the tensor has a shape that cannot be coded, or holds NaN or infinity",
        "a profile is needed, opened for this use",
        "the stream, the codec or the shape needs another profile",
        "the bytes are no profile, or not as they were written",
        "not even quality 0 keeps to target_bytes",
        "the arena, or the place for the result, is too small",
    };
    const int known = error >= 0 && error < (int)(sizeof words / sizeof *words);
    return known ? words[error] : "no error of splitwire's";
}

#endif
