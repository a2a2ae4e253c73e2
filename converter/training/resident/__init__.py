"""Training with all data on one device: pictures, views and answers stay there; whole epochs run without the host.

A step is a function without arguments that reads its batch, learning rate and blend from tables on the device. On CUDA
it is capture once as a graph and replayed; on other devices the same function is called. Lightning drives epochs,
validation, checkpoints and callbacks as on the loader's path, so the files are the same and either path resumes the
other.
"""
