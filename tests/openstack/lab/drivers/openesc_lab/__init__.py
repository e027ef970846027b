"""Drivers at the bottom of the lab, imported by the services in the lab's own virtual environment and by nothing else.

`hypervisor` is Nova's, `volumes` Cinder's, `switch` Neutron's (ML2); `guests` is what they pretend to run.
"""
