# fish completion for muster. Load it with: muster completion fish | source
function __muster_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    $words[1] __complete -- $words[2..-1] "$current" 2>/dev/null
end
complete -c muster -f -a '(__muster_complete)'
complete -c muster -s f -l file -r -F
complete -c muster -l config -r -F
complete -c muster -l token-file -r -F
