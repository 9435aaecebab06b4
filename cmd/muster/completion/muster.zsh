#compdef muster
# zsh completion for muster. Load it with: source <(muster completion zsh)
compdef _muster muster

_muster() {
    local -a candidates
    local line
    while IFS= read -r line; do
        candidates+=("${line/$'\t'/:}")
    done < <("${words[1]}" __complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)
    if (( ${#candidates} )); then
        _describe 'muster' candidates
    else
        _files
    fi
}

# Loaded by compinit, the file is the body of the function: run it the first time.
if [ "$funcstack[1]" = "_muster" ]; then
    _muster "$@"
fi
