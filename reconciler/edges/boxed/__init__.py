"""What every boxed renderer shares (docs/decisions/0007, 0008): `pool` keeps warm children, `box` is one of them seen
from the daemon, `inside` what runs in it. A renderer's own package brings the tool."""
