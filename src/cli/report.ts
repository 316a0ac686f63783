import { join } from 'node:path';
import type { AnyReport } from '../term/report-html.js';

/** Writes the report of a run into its folder, as a page and for programs; gives the path of the page. */
export async function writeReport(folder: string, report: AnyReport): Promise<string> {
  const [{ reportJson, reportPage }, { writeFileAtomic }, { REPORT_JSON, REPORT_PAGE }] = await Promise.all([
    import('../term/report-html.js'),
    import('../io/atomic.js'),
    import('../run/paths.js'),
  ]);
  const path = join(folder, REPORT_PAGE);
  await writeFileAtomic(join(folder, REPORT_JSON), reportJson(report), { mode: 0o600 });
  await writeFileAtomic(path, reportPage(report), { mode: 0o600 });
  return path;
}
