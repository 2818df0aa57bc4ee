/** The records of a CSV text: quoted fields may hold commas, line breaks and doubled quotes (RFC 4180). */
export function parseCsv(text) {
  const records = [];
  let record = [];
  let field = '';
  let quoted = false;
  const endField = () => {
    record.push(field);
    field = '';
  };
  const endRecord = () => {
    endField();
    if (record.length > 1 || record[0] !== '') records.push(record);
    record = [];
  };
  for (let i = 0; i < text.length; i++) {
    const char = text[i];
    if (quoted) {
      if (char !== '"') field += char;
      else if (text[i + 1] === '"') field += text[++i];
      else quoted = false;
    } else if (char === '"') quoted = true;
    else if (char === ',') endField();
    else if (char === '\n') endRecord();
    else if (char !== '\r') field += char;
  }
  if (field !== '' || record.length > 0) endRecord();
  return records;
}

/** The rows of `airports.csv`, ready to be inspected: no notes, no findings, open. */
export function parseAirports(text) {
  const [header, ...records] = parseCsv(text);
  return records.map((record) => {
    const airport = Object.fromEntries(header.map((name, i) => [name, record[i] ?? '']));
    return {
      id: airport.iata,
      data: {
        id: airport.iata,
        iata: airport.iata,
        name: airport.name,
        city: airport.city === 'NA' ? '' : airport.city,
        state: airport.state === 'NA' ? '' : airport.state,
        country: airport.country,
        latitude: Number(airport.latitude),
        longitude: Number(airport.longitude),
        notes: '',
        status: 'open',
        findings: 0,
      },
    };
  });
}
