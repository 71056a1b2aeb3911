"""Where pictures come from: photos and video."""
