"""Training with everything on one device: pictures, views and answers lie there, whole epochs run without the host.

A step is a function without arguments that reads its batch, learning rate and blend from tables on the device. On CUDA
it is captured once as a graph and replayed; elsewhere the same function is called. Lightning drives epochs, validation,
checkpoints and callbacks as on the loader's path, so that the files are the same and either path resumes the other.
"""
