import { Argument, type Command } from 'commander';
import { candidates } from './candidates.js';
import type { CliContext, Verb } from './context.js';

const SHELLS = ['bash', 'zsh', 'fish'] as const;

const HELP = `
Examples:
  source <(airgap completion bash)                                        in ~/.bashrc
  airgap completion zsh > "\${fpath[1]}/_airgap"                           then a new shell
  airgap completion fish > ~/.config/fish/completions/airgap.fish`;

/** What each shell needs to ask `airgap __complete`; where it answers nothing, files are offered. */
const SCRIPTS: Readonly<Record<(typeof SHELLS)[number], string>> = {
  bash: `# bash completion of airgap
_airgap() {
  local word about
  COMPREPLY=()
  while IFS=$'\\t' read -r word about; do
    COMPREPLY+=("$word")
  done < <("\${COMP_WORDS[0]}" __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _airgap airgap
`,
  zsh: `#compdef airgap
_airgap() {
  local line
  local -a found
  while IFS= read -r line; do
    found+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
  done < <("\${words[1]}" __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)
  if (( \${#found} )); then
    _describe airgap found
  else
    _files
  fi
}
if [ "\${funcstack[1]}" = _airgap ]; then
  _airgap "$@"
else
  compdef _airgap airgap
fi
`,
  fish: `# fish completion of airgap
function __airgap_complete
  set -l current (commandline -ct)
  set -l words (commandline -opc) "$current"
  set -l found ($words[1] __complete -- $words[2..-1] 2>/dev/null)
  if test (count $found) -gt 0
    printf '%s\\n' $found
  else
    __fish_complete_path "$current"
  end
end
complete -c airgap -f -a '(__airgap_complete)'
`,
};

/** `completion`: a script for a shell, and the hidden command that it asks. */
export const completionVerb: Verb = (program, context) => {
  program
    .command('completion')
    .summary('print a script that completes airgap’s command line in a shell')
    .description(
      'Prints what makes the shell complete verbs, options and their values; files are left to the shell.',
    )
    .addArgument(new Argument('<shell>', 'shell').choices(SHELLS))
    .addHelpText('after', HELP)
    .action((shell: (typeof SHELLS)[number]) => void context.stdout.write(SCRIPTS[shell]));
  program
    .command('__complete', { hidden: true })
    .argument('[words...]')
    .action((words: string[]) => complete(program, words, context));
};

/** One line a candidate: the word, a tab, what it is. */
function complete(program: Command, words: readonly string[], { stdout }: CliContext): void {
  for (const { word, about } of candidates(program, words))
    stdout.write(`${word}\t${about.replace(/\s+/g, ' ')}\n`);
}
