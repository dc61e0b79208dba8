import { Argument, Command } from 'commander';

const SHELLS = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof SHELLS)[number];

/** What may follow each path of commands, e.g. `kernel` → `ls start stop …`. */
function words(program: Command): Map<string, string[]> {
  const found = new Map<string, string[]>();
  const walk = (command: Command, path: string): void => {
    const options = command.options.flatMap(({ long }) => long ?? []);
    const names = command.commands.flatMap((one) => [one.name(), ...one.aliases()]);
    found.set(path, [...names, ...options]);
    for (const one of command.commands)
      for (const name of [one.name(), ...one.aliases()]) walk(one, `${path} ${name}`.trim());
  };
  walk(program, '');
  return found;
}

function scriptOf(shell: Shell, program: Command): string {
  const all = [...words(program)];
  if (shell === 'fish') {
    const lines = all.flatMap(([path, next]) => {
      const seen = path === '' ? '__fish_use_subcommand' : `__fish_seen_subcommand_from ${path.split(' ').at(-1)}`;
      return `complete -c beamgate -f -n '${seen}' -a '${next.join(' ')}'`;
    });
    return `${lines.join('\n')}\n`;
  }
  const cases = all.map(([path, next]) => `    '${path}') words='${next.join(' ')}' ;;`).join('\n');
  const start = shell === 'zsh' ? 'autoload -U +X bashcompinit && bashcompinit\n' : '';
  return `${start}_beamgate() {
  local path='' word words=''
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case $word in -*) ;; *) path="\${path:+$path }$word" ;; esac
  done
  case $path in
${cases}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -F _beamgate beamgate
`;
}

/** `beamgate completion bash | zsh | fish`: a script for the shell to source. */
export const completionCommand = (program: Command): Command =>
  new Command('completion')
    .description('print a script that completes commands: source <(beamgate completion bash)')
    .addArgument(new Argument('<shell>').choices(SHELLS))
    .action((shell: Shell) => {
      process.stdout.write(scriptOf(shell, program));
    });
