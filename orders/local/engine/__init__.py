"""The embedded AWS engine: ministack as a child process, its shims, and the deployment into it.

Use :class:`orders.local.engine.process.EngineProcess` to run it and
:func:`orders.local.engine.deploy.deploy` to deploy a CDK cloud assembly. Nothing outside this
package imports `shims`.
"""
