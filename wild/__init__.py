"""`make wild SOURCE=<folder>`: what becomes of manifests that nobody wrote for us.

Any folder with manifests, a kustomization or a Helm chart goes through plan, apply, a second pass and removal, by the
real daemon on a real control plane. `trying.py` is the story from top to bottom; `source.py` is what the folder is,
`ground.py` where it happens, `cloud.py` what a
provider would give to that place, `looking.py` what is asked beside the daemon, `blame.py` whose a failure is, and
`telling.py` how the report looks.
"""
