# The instruction set in use, as an index into the tables of _isa.h.
cdef int level
