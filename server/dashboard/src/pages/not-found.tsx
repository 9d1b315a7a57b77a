import { ButtonLink } from '../ui/button.tsx';
import { Page } from '../ui/page.tsx';
import { Empty } from '../ui/placeholder.tsx';

export function NotFound() {
  return (
    <Page title="Not found">
      <div className="card">
        <Empty
          icon="search"
          title="No page has this address"
          actions={<ButtonLink href="/">Overview</ButtonLink>}
        >
          Check the address, or go on from the overview.
        </Empty>
      </div>
    </Page>
  );
}
