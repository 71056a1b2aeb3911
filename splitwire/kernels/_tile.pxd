cimport numpy as cnp

from splitwire.kernels._fast cimport mosaic_layout

cdef int frame_layout(cnp.ndarray maps, object block, mosaic_layout *layout,
                      cnp.npy_intp *shape) except -1
cdef cnp.ndarray maps_layout(object frame, object shape, mosaic_layout *layout)
