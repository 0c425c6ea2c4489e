// Holds dashboards against the types that Grafana publishes: each becomes a TypeScript program whose literals must be
// of those types, and what the compiler says of it is told by panel. node check_types.mjs FOLDER DASHBOARD…, FOLDER
// being where the packages are.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';

const [folder, ...files] = process.argv.slice(2);
const TYPES = 'node_modules/@grafana/schema/dist/types/raw';
const WITHOUT_TYPES = ['traces']; // panels of which Grafana publishes no options

// Enums by their words, every member optional: Grafana fills in what is missing.
const PLAIN = `type Plain<T> = T extends string ? \`\${T}\` : T extends (infer U)[] ? Plain<U>[]
  : T extends object ? { [K in keyof T]?: Plain<T[K]> } : T;
`;

const typesOf = (kind) => `${TYPES}/composable/${kind}/panelcfg/x/types.gen`;
const declares = (kind, name) => readFileSync(join(folder, `${typesOf(kind)}.d.ts`), 'utf8').includes(`interface ${name} `);

// What an annotation asks of its datasource is the datasource's own.
function withoutTargets({ target, titleFormat, textFormat, tagKeys, useValueForTime, ...annotation }) {
  return annotation;
}

// [what it is, its type, the value] of everything that has a type.
function literals({ panels, ...dashboard }) {
  const annotations = { list: dashboard.annotations.list.map(withoutTargets) };
  const rows = [['dashboard', "Plain<Omit<Dashboard, 'panels'>>", { ...dashboard, annotations }]];
  for (const panel of panels) {
    const name = `panel "${panel.title}"`;
    rows.push([name, panel.type === 'row' ? 'Plain<RowPanel>' : 'Plain<Panel>', panel]);
    if (panel.type === 'row' || WITHOUT_TYPES.includes(panel.type)) continue;
    if (!existsSync(join(folder, `${typesOf(panel.type)}.d.ts`))) throw new Error(`${name}: no panel is called ${panel.type}`);
    rows.push([`${name}, options`, `Plain<${panel.type}.Options>`, panel.options]);
    const custom = panel.fieldConfig.defaults.custom;
    if (custom && declares(panel.type, 'FieldConfig')) rows.push([`${name}, custom`, `Plain<${panel.type}.FieldConfig>`, custom]);
  }
  return rows;
}

// One literal a line, so that the compiler's line leads to it.
function program(dashboard) {
  const kinds = new Set(dashboard.panels.map((panel) => panel.type).filter((kind) => kind !== 'row' && !WITHOUT_TYPES.includes(kind)));
  const head = [`import type { Dashboard, Panel, RowPanel } from '../${TYPES}/dashboard/x/types.gen';`,
    ...[...kinds].map((kind) => `import type * as ${kind} from '../${typesOf(kind)}';`), PLAIN].join('\n');
  const rows = literals(dashboard);
  const body = rows.map(([, type, value], i) => `export const v${i}: ${type} = ${JSON.stringify(value)};`);
  return { text: `${head}\n${body.join('\n')}\n`, rows, first: head.split('\n').length + 1 };
}

mkdirSync(join(folder, 'programs'), { recursive: true });
let faults = 0, panels = 0;
for (const file of files) {
  const dashboard = JSON.parse(readFileSync(file, 'utf8')), name = basename(file, '.json');
  const { text, rows, first } = program(dashboard);
  writeFileSync(join(folder, 'programs', `${name}.ts`), text);
  const options = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'esnext', '--moduleResolution', 'bundler'];
  const done = spawnSync('node_modules/.bin/tsc', [...options, `programs/${name}.ts`], { cwd: folder, encoding: 'utf8' });
  const said = [...done.stdout.matchAll(/\.ts\((\d+),\d+\): error (.*)/g)];
  for (const [, line, what] of said) console.log(`${file}: ${rows[line - first]?.[0] ?? `line ${line}`}: ${what}`);
  if (done.status !== 0 && said.length === 0) console.log(`${file}: ${done.error ?? done.stdout + done.stderr}`);
  faults += done.status === 0 ? 0 : 1;
  panels += dashboard.panels.length;
}
console.log(`${files.length} dashboards, ${panels} panels: ${faults === 0 ? 'all of' : `${faults} dashboards not of`} Grafana's types`);
process.exit(faults === 0 ? 0 : 1);
