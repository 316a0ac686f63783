import { randomUUID } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { HashAlgorithm } from './content-digest.js';
import { createUpload, type FileUpload } from './upload.js';

/** A session that nobody used for so long is given up, milliseconds. */
const IDLE_LIMIT = 60 * 60 * 1000;

/** The upload sessions of a folder. They live as long as the process: their files are swept at the next start. */
export interface Uploads {
  start(repository: string, algorithm: HashAlgorithm): Promise<FileUpload>;
  find(repository: string, id: string): FileUpload | undefined;
  /** Ends a session; its file is removed, or already has another name. */
  end(id: string): Promise<void>;
  close(): Promise<void>;
}

export function createUploads(temporary: string, now: () => number): Uploads {
  const sessions = new Map<string, FileUpload>();

  const end = async (id: string): Promise<void> => {
    const session = sessions.get(id);
    sessions.delete(id);
    if (session) await rm(session.path, { force: true });
  };
  const endIdle = (): void => {
    const before = now() - IDLE_LIMIT;
    for (const session of sessions.values()) {
      if (session.lastUse() < before) void end(session.id);
    }
  };
  const timer = setInterval(endIdle, IDLE_LIMIT / 10).unref();

  return {
    async start(repository, algorithm) {
      const id = randomUUID();
      const path = join(temporary, id);
      await (await open(path, 'wx', 0o644)).close();
      const session = createUpload({ id, repository, path, algorithm, now });
      sessions.set(id, session);
      return session;
    },
    find(repository, id) {
      const session = sessions.get(id);
      return session?.repository === repository && !session.isBroken() ? session : undefined;
    },
    end,
    async close() {
      clearInterval(timer);
      await Promise.all([...sessions.keys()].map(end));
    },
  };
}
