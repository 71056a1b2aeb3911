from splitwire.kernels._fast cimport Lent, mosaic_layout

cdef tuple frame_layout(Lent maps, object block, mosaic_layout *layout)
cdef Lent maps_layout(object frame, object shape, mosaic_layout *layout)
