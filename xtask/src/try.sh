# Uses the package as a user would, in a clean Debian root.
set -euo pipefail
export LC_ALL=C.UTF-8
dpkg -i /tmp/zsend.deb
zsend --version
zsend list -d /tmp/d0.img -t snapshot
zsend send -d /tmp/d0.img dedup/fs@s > /tmp/stream
zsend dump /tmp/stream | grep '^END checksum'
man zsend-send | grep -q 'EXIT STATUS'
test -s /usr/share/zsh/vendor-completions/_zsend
test -s /usr/share/fish/vendor_completions.d/zsend.fish
# As bash completes `zsend se<TAB>`.
bash -c 'source /usr/share/bash-completion/bash_completion; _completion_loader zsend || true
COMP_WORDS=(zsend se); COMP_CWORD=1; _zsend zsend se zsend; echo "${COMPREPLY[@]}"' | grep -qx send
# A closed output is seen by the static program too.
if zsend list -d /tmp/d0.img >&- 2>/dev/null; then exit 1; fi
dpkg -r zsend
test ! -e /usr/bin/zsend
