import { Link } from 'wouter';

interface TabsProps {
  readonly label: string;
  readonly tabs: readonly { readonly href: string; readonly label: string; readonly isHere: boolean }[];
}

/** Parts of a page with an address each, so that they can be linked to. */
export function Tabs({ label, tabs }: TabsProps) {
  return (
    <nav className="tabs-list" aria-label={label}>
      {tabs.map((tab) => (
        <Link key={tab.href} href={tab.href} aria-current={tab.isHere ? 'page' : undefined}>
          {tab.label}
        </Link>
      ))}
    </nav>
  );
}
