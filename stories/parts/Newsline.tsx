import type { ReactNode } from 'react';
import { Icon, type IconName } from './Icon.js';

export interface News {
  readonly icon: IconName;
  readonly tone: 'calm' | 'busy' | 'kept' | 'alarm';
  readonly text: string;
}

/** What became of the last thing that was done here; read out to those who do not see it. */
export function Newsline({ news }: { readonly news: News | undefined }): ReactNode {
  return (
    <p className="news" role="status" data-tone={news?.tone}>
      {news !== undefined && (
        <>
          <Icon name={news.icon} />
          {news.text}
        </>
      )}
    </p>
  );
}
