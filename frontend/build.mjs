// Writes airflow_dynamic_provider/ui/static/vendor/: the libraries as ES modules, their licences and their versions. It also
// writes tests/browser/axe/: what checks that people with disabilities can use the pages.
import { build } from "esbuild";
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";

const TARGET = "../airflow_dynamic_provider/ui/static/vendor";
const AXE = "../tests/browser/axe";
const LIBRARIES = ["preact", "htm", "uplot", "@dagrejs/dagre"];

rmSync(TARGET, { recursive: true, force: true });
mkdirSync(`${TARGET}/licences`, { recursive: true });

await build({
  entryPoints: ["vendor/preact.js", "vendor/uplot.js", "vendor/dagre.js"],
  outdir: TARGET,
  bundle: true,
  format: "esm",
  target: "es2022",
  minify: true,
  // The licences stand beside the modules, whole.
  legalComments: "none",
  define: { "process.env.NODE_ENV": '"production"' },
  logLevel: "warning",
});
copyFileSync("node_modules/uplot/dist/uPlot.min.css", `${TARGET}/uplot.css`);
// For the check of types only: what each module exports.
["preact", "uplot", "dagre"].forEach((name) => copyFileSync(`vendor/${name}.d.ts`, `${TARGET}/${name}.d.ts`));

// For the tests of the pages, which need no Node.js.
mkdirSync(AXE, { recursive: true });
["axe.min.js", "LICENSE"].forEach((name) => copyFileSync(`node_modules/axe-core/${name}`, `${AXE}/${name}`));

const versions = LIBRARIES.map((name) => {
  const about = JSON.parse(readFileSync(`node_modules/${name}/package.json`, "utf8"));
  copyFileSync(`node_modules/${name}/LICENSE`, `${TARGET}/licences/${name.replace(/^@.*\//, "")}.txt`);
  return `${name} ${about.version} (${about.license})\n`;
});
writeFileSync(`${TARGET}/VERSIONS`, versions.join(""));
