"""Icons of buttons, as inline SVG in the colour of the text."""


def _icon(drawing: str, name: str = "cir-icon") -> str:
    return f'<svg class="{name}" viewBox="0 0 16 16" aria-hidden="true">{drawing}</svg>'


PLAY = _icon('<path d="M4 2v12l10-6z"/>', "cir-start")
PAUSE = _icon('<path d="M3 2h4v12H3zM9 2h4v12H9z"/>', "cir-pause")
NOTES = _icon('<path d="M6 2.2 14 1v9.6a2.2 2 0 1 1-1.4-1.9V4.6L7.4 5.4v7a2.2 2 0 1 1-1.4-1.9z"/>')
EAR = _icon(
    '<path d="M4 6.5a4 4 0 0 1 8 0c0 2.600-2.400 3-2.700 5.200a2.300 2.300 0 0 1-4.400.4"/>'
    '<path d="M6 6.600a2 2 0 0 1 4 0c0 1.200-1.600 1.300-1.600 2.600"/>',
    "cir-icon cir-lines",
)
COPY = _icon(
    '<path d="M5 1h8a1 1 0 0 1 1 1v9h-1.6V2.6H5z"/>'
    '<path d="M2 4.5h7.5a1 1 0 0 1 1 1V14a1 1 0 0 1-1 1H2a1 1 0 0 1-1-1V5.500a1 1 0 0 1 1-1z"/>'
)
SPEAKER = _icon(
    '<path d="M1 5.500h3L8 2v12L4 10.500H1z"/>'
    '<path d="M10 5.200a4 4 0 0 1 0 5.600l-.9-1a2.700 2.700 0 0 0 0-3.600z"/>'
    '<path d="M12 3.200a7 7 0 0 1 0 9.600l-.9-1a5.500 5.500 0 0 0 0-7.600z"/>'
)
DOWN = _icon(
    '<path d="M7.200 1h1.600v7.600l2.800-2.800 1.100 1.100L8 11.600 3.300 6.900l1.100-1.100 2.800 '
    '2.800z"/>'
    '<path d="M2 13.400h12V15H2z"/>'
)
PLUS = _icon('<path d="M7.200 2h1.600v5.200H14v1.600H8.800V14H7.200V8.800H2V7.200h5.200z"/>')
STAR = _icon(
    '<path d="M8 1l2.100 4.500 4.900.6-3.600 3.400.9 4.900L8 12l-4.300 2.400.9-4.900'
    'L1 6.100l4.900-.6z"/>'
)
