import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { type PreviewRequest, previewQuery } from '../../../api/alert-rules.ts';

const TYPING_MS = 400;

/** What a rule would have done, a moment after it was last changed. */
export function usePreview(request: PreviewRequest | undefined) {
  const text = request === undefined ? '' : JSON.stringify(request);
  const [settled, setSettled] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(text), TYPING_MS);
    return () => clearTimeout(timer);
  }, [text]);
  const preview = useQuery({
    ...previewQuery(settled === '' ? ANY : JSON.parse(settled)),
    placeholderData: keepPreviousData,
    enabled: settled !== '',
  });
  return { ...preview, isCurrent: settled === text && !preview.isPlaceholderData };
}

/** Never asked for. */
const ANY: PreviewRequest = { scope: { kind: 'all' }, condition: { kind: 'offline', seconds: 0 } };
