"""The machine at the wall: a browser that shows the page full screen, and what restarts it when the page stalls.

Runs beside the device, or on another machine, and needs none of the server's packages.
"""
